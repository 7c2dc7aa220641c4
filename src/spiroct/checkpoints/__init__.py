"""The trained artefact: safetensors weights and a JSON card."""
