"""The napari plugin, in one folder for each task.

- ``io``: the reader, the writers and the sample data of the manifest;
- ``opening``: files and folders that are chosen, and what is asked before they open;
- ``commands``: the other commands of menus and command palette;
- ``fusion``, ``training``, ``surface``, ``acquire``, ``batch``: the docked widgets;
- ``retouch``, ``slab``, ``compare``: the docked widgets that stand on the fusion widget;
- ``models``: the library of models as widgets;
- ``viewer``: the state of the viewer: current stack, regions, sliders, layers;
- ``widgets``: forms, run controls, jobs and charts that are independent of their use.

Importing this package loads none of them: napari imports what the user opens.
"""
