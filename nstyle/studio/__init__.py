"""The studio: a page on which two pictures become a painting, and the HTTP API beneath it.

The server never loads MXNet: `duties` (uploads, previews) and `painting` are processes of their
own. Jobs are folders on disk.
"""
