"""One verb, one file: parse, call one function below, print. Results on stdout, the rest on stderr."""
