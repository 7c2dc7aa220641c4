"""CT in, Prediction out: predictor, prediction, engines."""
