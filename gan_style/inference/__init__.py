"""What infer.py is made of: find the pictures, load a bundle, translate, write."""
