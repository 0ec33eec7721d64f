"""What Hugging Face's libraries write into a folder, read without them."""
