"""A trained model in, one folder out that needs nothing else; and back, whoever it comes from.

manifest.json            format, version, and size and SHA-256 of every other file
recipe.json              model, tasks, and how inputs are read
weights.safetensors
tokenizer.json
targets.json             names of classes and answers, in the order of their indices
signature.json           inputs and outputs with names, shapes, types and units; transforms
README.md                the model card
*.onnx, proof.json       the graphs, and how far they are from the model
"""
