"""Sample photographs and style paintings (installed as the package ``nstyle.samples``)."""
