"""PartiQL at the local address: a statement is read and carried out as the request that it stands for."""
