"""Parts of a training that live outside the tree, a file each: what a package of somebody else's would hold."""
