"""Small tools for asyncio that know nothing of this project's matter."""
