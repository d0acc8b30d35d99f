"""One module per AWS service: what the sandbox does differently from its engine, each difference with its source."""
