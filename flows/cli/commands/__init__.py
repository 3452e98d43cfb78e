"""One file per group of commands: their options and what they print. Heavy imports wait until a command needs them."""
