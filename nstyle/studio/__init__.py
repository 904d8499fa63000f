"""The studio: a web page for painting, and its HTTP API.

The server never loads MXNet: `worker` and `job_process` are processes of their own.

server: the web server.
page: the page.
http_api: the HTTP API.
app: folder, queue and workers of one server.
options: the options of `nstyle studio`.
requests: checks what a request asks for.
library: samples, uploads, trained networks.
storage: files of each user.
jobs: a job is a folder.
job_queue: paints jobs one after another.
job_process: the process that paints a job.
worker: the process that checks uploads and paints previews.
live: paints the frames of a camera.
worker_pool: replaces workers that hang.
"""
