"""Pictures drawn from a seed: street facades with their label maps, landscapes in two looks, pictures in six styles."""
