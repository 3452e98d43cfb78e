"""Problems composed of skills: word problems with a program behind them, that take so many kinds of calculation."""
