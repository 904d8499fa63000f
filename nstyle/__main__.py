"""`python -m nstyle`."""

from nstyle.cli.main import main

raise SystemExit(main())
