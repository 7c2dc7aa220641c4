"""The one way from CT to network input, shared by training and prediction."""
