"""The two steps of the board that need KiCad's own Python: run by hardware/layout.py, not by hand.

    /usr/bin/python3 hardware/pcb.py place JOB BOARD     footprints and nets; prints the pads
    /usr/bin/python3 hardware/pcb.py apply JOB BOARD     tracks, vias, ground on both sides

JOB is a JSON file; lengths are millimetres from the board's corner.
"""

import json
import sys
from pathlib import Path

import pcbnew

FOOTPRINTS = "/usr/share/kicad/footprints"
CORNER = (60.0, 60.0)  # of the board on KiCad's sheet


def point(x, y):
    return pcbnew.VECTOR2I(pcbnew.FromMM(CORNER[0] + x), pcbnew.FromMM(CORNER[1] + y))


def back(vector):
    """A place on KiCad's sheet as millimetres from the board's corner."""
    return [
        round(pcbnew.ToMM(vector.x) - CORNER[0], 4),
        round(pcbnew.ToMM(vector.y) - CORNER[1], 4),
    ]


def outline(board, length, width, corner):
    """A rectangle with round corners on the layer of the edge."""
    r, off = corner, corner * (1 - 0.5**0.5)
    lines = [
        ((r, 0), (length - r, 0)),
        ((length, r), (length, width - r)),
        ((length - r, width), (r, width)),
        ((0, width - r), (0, r)),
    ]
    arcs = [
        ((0, r), (off, off), (r, 0)),
        ((length - r, 0), (length - off, off), (length, r)),
        ((length, width - r), (length - off, width - off), (length - r, width)),
        ((r, width), (off, width - off), (0, width - r)),
    ]
    for ends in [*lines, *arcs]:
        shape = pcbnew.PCB_SHAPE(board)
        shape.SetLayer(pcbnew.Edge_Cuts)
        shape.SetWidth(pcbnew.FromMM(0.1))
        if len(ends) == 2:
            shape.SetShape(pcbnew.SHAPE_T_SEGMENT)
            shape.SetStart(point(*ends[0]))
            shape.SetEnd(point(*ends[1]))
        else:
            shape.SetShape(pcbnew.SHAPE_T_ARC)
            shape.SetArcGeometry(*(point(*end) for end in ends))
        board.Add(shape)


def place(job, path):
    board = pcbnew.NewBoard(str(path))
    board.GetDesignSettings().SetBoardThickness(pcbnew.FromMM(job["thickness"]))
    outline(board, job["length"], job["width"], job["corner"])
    for text, x, y, layer in job["texts"]:
        item = pcbnew.PCB_TEXT(board)
        item.SetText(text)
        item.SetPosition(point(x, y))
        item.SetLayer(pcbnew.F_SilkS if layer == "display" else pcbnew.B_SilkS)
        item.SetMirrored(layer != "display")
        item.SetTextSize(pcbnew.VECTOR2I(pcbnew.FromMM(1), pcbnew.FromMM(1)))
        item.SetTextThickness(pcbnew.FromMM(0.15))
        board.Add(item)
    nets = {}
    for name in sorted({net for part in job["parts"] for net in part["pads"].values()}):
        nets[name] = pcbnew.NETINFO_ITEM(board, name)
        board.Add(nets[name])
    for part in job["parts"]:
        library, name = part["footprint"].split(":")
        footprint = pcbnew.FootprintLoad(f"{FOOTPRINTS}/{library}.pretty", name)
        footprint.SetFPIDAsString(part["footprint"])
        footprint.SetReference(part["reference"])
        footprint.SetValue(part["value"])
        footprint.SetPath(pcbnew.KIID_PATH(part["path"]))
        for field, text in part["fields"].items():
            footprint.SetField(field, text)
            footprint.GetFieldByName(field).SetVisible(False)
        footprint.Value().SetVisible(False)
        footprint.SetExcludedFromBOM(not part["bought"])
        board.Add(footprint)
        footprint.SetPosition(point(part["x"], part["y"]))
        if part["side"] == "finger":
            footprint.Flip(footprint.GetPosition(), pcbnew.FLIP_DIRECTION_LEFT_RIGHT)
        footprint.SetOrientationDegrees(part["turn"])
        for pad in footprint.Pads():
            if pad.GetNumber() in part["pads"]:
                pad.SetNet(nets[part["pads"][pad.GetNumber()]])
    small = {part["reference"] for part in job["parts"] if part["small"]}
    for side in (False, True):
        name_all([f for f in board.GetFootprints() if f.IsFlipped() == side], small, job)
    board.Save(str(path))
    print(json.dumps(pads(board)))


def name_all(footprints, small, job):
    """The names on one side: of a large part beside it, where nothing stands; of a small part
    inside it on the drawing for assembly, not on the board."""
    taken = [
        box_of(f.GetCourtyard(pcbnew.B_CrtYd if f.IsFlipped() else pcbnew.F_CrtYd).BBox())
        for f in footprints
    ]
    taken += [
        (x - 11, y - 0.8, x + 11, y + 0.8)
        for _, x, y, side in job["texts"]
        if (side == "finger") == footprints[0].IsFlipped()
    ]
    for footprint in footprints:
        name = footprint.Reference()
        size = 0.5 if footprint.GetReference() in small else 0.8
        name.SetTextSize(pcbnew.VECTOR2I(pcbnew.FromMM(size), pcbnew.FromMM(size)))
        name.SetTextThickness(pcbnew.FromMM(size * 0.15))
        name.SetTextAngleDegrees(0)
        if footprint.GetReference() in small:
            name.SetLayer(pcbnew.B_Fab if footprint.IsFlipped() else pcbnew.F_Fab)
            name.SetPosition(footprint.GetPosition())
            continue
        body = box_of(
            footprint.GetCourtyard(
                pcbnew.B_CrtYd if footprint.IsFlipped() else pcbnew.F_CrtYd
            ).BBox()
        )
        wide, high = 0.75 * size * len(footprint.GetReference()) + 0.3, size + 0.3
        for x, y in beside(body, wide, high):
            box = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            inside = (
                box[0] > 0.3
                and box[2] < job["length"] - 0.3
                and box[1] > 0.3
                and box[3] < job["width"] - 0.3
            )
            if inside and not any(meet(box, other) for other in taken):
                name.SetPosition(point(x, y))
                taken.append(box)
                break
        else:  # inside the part, under it when it is soldered
            name.SetPosition(footprint.GetPosition())


def beside(body, wide, high):
    """Places for a text around a box, the nearest and most usual first."""
    left, top, right, bottom = body
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    for gap in (0.05, 0.5, 1.0, 2.0):
        for slide in (0.0, -1.0, 1.0, -2.5, 2.5):
            yield middle_x + slide, top - high / 2 - gap
            yield middle_x + slide, bottom + high / 2 + gap
            yield left - wide / 2 - gap, middle_y + slide
            yield right + wide / 2 + gap, middle_y + slide


def box_of(box):
    return (*back(box.GetOrigin()), *back(box.GetEnd()))


def meet(one, other):
    return all(one[i] < other[i + 2] and other[i] < one[i + 2] for i in (0, 1))


def pads(board):
    """Every pad with copper: its net, its box (left, top, right, bottom) and its layers."""
    found = []
    for footprint in board.GetFootprints():
        for pad in footprint.Pads():
            if not pad.IsOnCopperLayer():
                continue
            box = pad.GetBoundingBox()
            found.append(
                {
                    "pin": f"{footprint.GetReference()}.{pad.GetNumber()}",
                    "net": pad.GetNetname(),
                    "box": [*back(box.GetOrigin()), *back(box.GetEnd())],
                    "front": pad.IsOnLayer(pcbnew.F_Cu),
                    "back": pad.IsOnLayer(pcbnew.B_Cu),
                    "drill": pcbnew.ToMM(pad.GetDrillSize().x),
                }
            )
    return found


def apply(job, path):
    board = pcbnew.LoadBoard(str(path))
    nets = board.GetNetsByName()
    layers = [pcbnew.F_Cu, pcbnew.B_Cu]
    for net, layer, width, start, end in job["tracks"]:
        track = pcbnew.PCB_TRACK(board)
        track.SetStart(point(*start))
        track.SetEnd(point(*end))
        track.SetWidth(pcbnew.FromMM(width))
        track.SetLayer(layers[layer])
        track.SetNet(nets[net])
        board.Add(track)
    stitches = [["GND", at] for at in job["stitches"]]
    for net, at in job["vias"] + stitches:
        via = pcbnew.PCB_VIA(board)
        via.SetPosition(point(*at))
        via.SetWidth(pcbnew.FromMM(job["via"]))
        via.SetDrill(pcbnew.FromMM(job["drill"]))
        via.SetNet(nets[net])
        board.Add(via)
    for layer in layers:
        zone = pcbnew.ZONE(board)
        zone.SetLayer(layer)
        zone.SetNet(nets["GND"])
        zone.SetAssignedPriority(0)
        zone.SetMinThickness(pcbnew.FromMM(0.2))
        zone.SetLocalClearance(pcbnew.FromMM(0.2))
        zone.SetThermalReliefGap(pcbnew.FromMM(0.2))
        zone.SetThermalReliefSpokeWidth(pcbnew.FromMM(0.25))
        zone.SetIslandRemovalMode(pcbnew.ISLAND_REMOVAL_MODE_ALWAYS)
        corners = zone.Outline()
        corners.NewOutline()
        for x, y in [(0.4, 0.4), (1, 0.4), (1, 1), (0.4, 1)]:
            x = 0.4 if x == 0.4 else job["keep_out"][0] - 0.1
            y = 0.4 if y == 0.4 else job["width"] - 0.4
            corners.Append(point(x, y))
        board.Add(zone)
    pcbnew.ZONE_FILLER(board).Fill(board.Zones())
    # A stitch that met no ground on one side ties nothing.
    places = {tuple(at) for at in job["stitches"]}
    loose = [
        via
        for via in board.GetTracks()
        if isinstance(via, pcbnew.PCB_VIA)
        and tuple(back(via.GetPosition())) in places
        and not all(
            any(
                zone.GetLayer() == layer and zone.HitTestFilledArea(layer, via.GetPosition(), 0)
                for zone in board.Zones()
            )
            for layer in layers
        )
    ]
    for via in loose:
        board.Remove(via)
    pcbnew.ZONE_FILLER(board).Fill(board.Zones())
    board.Save(str(path))


def main():
    step, job, path = sys.argv[1:]
    {"place": place, "apply": apply}[step](json.loads(Path(job).read_text()), Path(path))


if __name__ == "__main__":
    main()
