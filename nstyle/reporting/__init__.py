"""The page about a run: curves, pictures inside a page, the page; see `nstyle.report`."""
