"""Templates read into typed resources, each with its file and line. Pure: text in, resources out."""
