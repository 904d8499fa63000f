"""One pass per picture: networks that paint, and how they are trained."""
