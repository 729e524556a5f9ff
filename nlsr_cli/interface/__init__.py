"""What Python users call: files, Pillow's pictures, arrays and tensors in, the same larger out."""
