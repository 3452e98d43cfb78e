"""Every finished model call, durable before its answer is used; and how it reaches the lake."""
