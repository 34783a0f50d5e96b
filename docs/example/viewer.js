// The Speckle viewer, out of the bundle that README.md says how to make. Without the bundle the import fails, and the
// page goes on as a list.

import { CameraController, DefaultViewerParams, FilteringExtension, SpeckleLoader, Viewer } from "./speckle-viewer.js";

/** A model in 3D, coloured. */
export class Viewer3D {
  constructor(container) {
    this.viewer = new Viewer(container, { ...DefaultViewerParams, showStats: false });
    this.address = null;
    this.turn = 0;
  }

  get isShowing() {
    return this.address !== null;
  }

  async show(address, token) {
    if (address === this.address) return;
    const mine = (this.turn += 1);
    this.ready ??= this.viewer.init().then(() => {
      this.viewer.createExtension(CameraController);
      this.filtering = this.viewer.createExtension(FilteringExtension);
    });
    await this.ready;
    await this.viewer.unloadAll();
    this.address = null;
    await this.viewer.loadObject(new SpeckleLoader(this.viewer.getWorldTree(), address, token), true);
    if (mine === this.turn) this.address = address;
  }

  colour(groups) {
    this.filtering.removeUserObjectColors();
    if (groups.length > 0) this.filtering.setUserObjectColors(groups);
  }

  async clear() {
    this.turn += 1;
    this.address = null;
    if (this.ready) await this.ready.then(() => this.viewer.unloadAll());
  }
}
