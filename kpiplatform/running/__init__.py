"""How the project starts, stops and is tested on one machine: embedded servers, their supervisor, the commands."""
