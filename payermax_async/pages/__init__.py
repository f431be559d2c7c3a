"""What pages are made of: templates whose values are escaped, and QR codes."""
