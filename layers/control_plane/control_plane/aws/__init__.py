"""How AWS gives what `ports` asks for: one adapter for each service, the only importers of boto3."""
