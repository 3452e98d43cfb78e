"""Where problems come from, a file each: `Options` are what a recipe may say, and open the source."""
