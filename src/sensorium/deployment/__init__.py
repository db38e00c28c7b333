"""A trained run in, answers out: embeddings, a search index, pages."""
