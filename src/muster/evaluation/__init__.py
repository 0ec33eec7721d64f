"""How good predictions are: what is asked, and the result that answers. No state."""
