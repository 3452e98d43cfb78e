"""Problems and their judge as packages that other trainers load, one folder each."""
