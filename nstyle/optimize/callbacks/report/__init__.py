"""The HTML page about a run.

listener: collects pictures and epochs.
page: writes the page, its curves and tables.
charts: curves as SVG.
html: escapes text, embeds pictures.
"""
