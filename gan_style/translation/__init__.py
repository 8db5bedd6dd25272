"""Translation: a bundle loaded, pictures read, translated and written; optimised style transfer."""
