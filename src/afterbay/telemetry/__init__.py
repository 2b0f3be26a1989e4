"""What the product tells about itself."""
