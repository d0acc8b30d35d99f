"""A reader of Amazon States Language: JSONata machines as generators of effects, driven by a clock."""
