"""Google's Gemini API: how `generateContent` is asked for images, and what its answers and errors mean."""
