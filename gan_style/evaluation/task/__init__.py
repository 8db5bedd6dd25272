"""The task score of label-to-photo translation: does a network that was trained on real photos recognise what a translation shows?"""
