"""The adapter to Speckle: the only user of gql, websockets and specklepy, and of Speckle's HTTP routes."""
