"""What a night is made of: its context and date, its pin, synthesis in shards, the exam of its student."""
