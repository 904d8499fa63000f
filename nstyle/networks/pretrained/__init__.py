"""Networks inside the package; see MODEL_CARD.md."""
