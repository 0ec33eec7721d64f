"""What an ONNX file says of itself, read from its bytes."""
