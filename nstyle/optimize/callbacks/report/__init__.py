"""The HTML page about a run.

listener: collects pictures and epochs.
page: writes the page.
curves: the curves of losses and sizes.
charts: curves as SVG.
option_table: the table of options.
html: escapes text, embeds pictures.
"""
