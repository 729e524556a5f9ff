"""Pictures of drawings and text, made by chance: training and validation data that no photograph gives."""
