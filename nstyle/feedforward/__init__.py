"""One pass per picture: networks that paint, and how they are trained."""

ANY_STYLE, ONE_STYLE = "any style", "one style"  # kinds of networks
