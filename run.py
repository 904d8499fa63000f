"""Paint a photo in the style of a painting: python run.py --help"""

from nstyle.cli.main import main_run

raise SystemExit(main_run())
