"""What an answer in JSON means, for all services that answer as OpenAI does: images, why there are none, errors."""
