"""Serving: translation over HTTP. Answers are the bytes that infer.py writes."""
