"""The task score of label-to-photo translation: how well a segmenter that was trained on real photos recognises translations."""
