"""One walk for each format of image: how large it is, and whether all of it is there. Nothing is decoded."""
