"""`python -m nstyle`."""

from nstyle.cli import main

raise SystemExit(main())
