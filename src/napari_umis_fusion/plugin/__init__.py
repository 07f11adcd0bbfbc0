"""The napari plugin, a room for each thing that it does.

- ``io``: the reader, the writers and the sample data that the manifest names;
- ``commands``: what the menus and the command palette offer;
- ``fusion``: the dock that fuses;
- ``training``: the dock that trains;
- ``models``: the library of models in the window;
- ``viewer``: what the viewer shows: the stack that is meant, regions, sliders, layers;
- ``widgets``: forms, run controls, jobs and charts, which know nothing of what they are used for.

Importing this loads none of it: napari loads what the user asks for.
"""
