"""What a worker at a station reads, in Chinese and English: the one source of these texts."""

SENTENCES = {
    # What a slot is doing.
    "connect": ("连接中", "connecting"),
    "identify": ("识别中", "reading its identity"),
    "wait": ("等待其他槽位", "waiting for the others"),
    "write": ("写入中", "writing"),
    "verify": ("校验中", "verifying"),
    # Why it failed, and what to do.
    "nothing": (
        "没有找到设备：检查 USB 线，或用 --port 指定端口。",
        "No unit is plugged in: check the cables, or name a port with --port.",
    ),
    "no_port": (
        "找不到端口 {port}：检查 USB 线，用 --all 列出所有设备。",
        "There is no port {port}: check the cable, or let --all find what is plugged in.",
    ),
    "busy": (
        "端口 {port} 被占用或没有权限：关闭占用它的程序，或把用户加入 dialout 组。",
        "The port {port} is in use or not yours to open: close the program that holds it, or add "
        "the user to the group dialout.",
    ),
    "mute": (
        "芯片没有回应：检查供电和接触，按住 BOOT 再试。",
        "The chip does not answer: check its power and the contacts, or hold BOOT and try again.",
    ),
    "wrong_chip": (
        "这是 {found}，安装包是给 {wanted} 的：换对应的安装包。",
        "This is an {found} and the bundle is for the {wanted}: take the bundle made for it.",
    ),
    "same_mac": (
        "另一个槽位的芯片有相同的 MAC {mac}：两台都隔离，报告工程师。",
        "The chip in another slot has the same MAC {mac}: set both aside and tell the engineer.",
    ),
    "has_identity": (
        "此机已有序列号 {serial}，未改动：确要覆盖请加 --overwrite。",
        "This unit is {serial} already and was left as it is: --overwrite makes it another.",
    ),
    "not_ours": (
        "此机没有数据分区，更新会丢失数据：请用 xueyang flash。",
        "This unit's data lie beside its code, and an update would lose them: use xueyang flash.",
    ),
    "other_micropython": (
        "此机的 MicroPython 是 {found}，安装包需要 {wanted}：请用 xueyang flash。",
        "This unit has MicroPython {found} and the bundle needs {wanted}: use xueyang flash.",
    ),
    "pulled": (
        "写入时连接断开：检查 USB 线和接触，重新写入。",
        "The connection was lost on the way: check the cable and the contacts, and do it again.",
    ),
    "bad_flash": (
        "写入后校验不符，闪存损坏：报废或换芯片。",
        "What was written does not read back, the flash is damaged: scrap the unit or its module.",
    ),
    "noise": (
        "最低波特率 {baud} 也传输出错：换短线，检查接触。",
        "Even at {baud} baud the transfer fails: take a shorter cable, and check the contacts.",
    ),
    "late": (
        "超过 {seconds} 秒未完成：检查接触，重新写入。",
        "It was not done within {seconds} s: check the contacts, and flash it again.",
    ),
    "refused": (
        "没有可用的序列号：{error}",
        "There is no serial for it: {error}",
    ),
    "unexpected": (
        "程序出错：{error}。请把此信息交给工程师。",
        "The program failed: {error}. Give this to the engineer.",
    ),
    "skipped": (
        "这是 {found}，与安装包不符，未改动。",
        "This is an {found}, not what the bundle is for, and was left alone.",
    ),
    # The phases of a station.
    "phase_flash": ("写入", "flashing"),
    "phase_supply": ("电源", "supply"),
    "phase_sensor": ("传感器和部件", "sensor and parts"),
    "phase_dark": ("暗计数", "dark counts"),
    "phase_leds": ("发光管", "lights"),
    "phase_aged": ("老化", "ageing"),
    "phase_crosstalk": ("串光", "crosstalk"),
    "phase_sound": ("声音", "sound"),
    "phase_optics": ("灰板", "grey target"),
    "phase_clock": ("时钟", "clocks"),
    "phase_noise": ("噪声", "noise"),
    "phase_ambient": ("环境光", "ambient light"),
    "phase_infrared": ("红外板", "infrared target"),
    "phase_modulated": ("调制板", "modulated target"),
    "phase_display": ("显示", "display"),
    "phase_button": ("按键", "button"),
    "phase_battery": ("电池电量", "battery gauge"),
    "phase_sleep": ("休眠电流", "sleep current"),
    "phase_label": ("标签", "label"),
    # A measurement beyond its limits, and what to do. All know name, value, unit, low and high.
    "do_cable": (
        "{name}={value} {unit}（{low}–{high}）：换 USB 线，清洁触点，重测。",
        "{name} = {value} {unit} ({low} to {high}): change the USB cable, clean the contacts, and "
        "test it again.",
    ),
    "do_supply": (
        "{name}={value} {unit}（{low}–{high}）：检查电源焊点有无短路，送维修。",
        "{name} = {value} {unit} ({low} to {high}): look for a short or an open joint at the "
        "supply, and send it to repair.",
    ),
    "do_sensor": (
        "{name}={value} {unit}（应为 {low}–{high}）：传感器型号错或虚焊，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): the sensor is another part or badly soldered; "
        "replace it.",
    ),
    "do_module": (
        "{name}={value} {unit}（{low}–{high}）：模块闪存有问题，换模块。",
        "{name} = {value} {unit} ({low} to {high}): the module's flash does not keep what is "
        "written; replace the module.",
    ),
    "do_samples": (
        "{name}={value} {unit}（{low}–{high}）：传感器没有数据，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): the sensor gives no samples; replace it.",
    ),
    "do_dark": (
        "{name}={value} {unit}（{low}–{high}）：盖好盖子重测；仍不合格则换传感器。",
        "{name} = {value} {unit} ({low} to {high}): close the lid and test again; if it stays so, "
        "replace the sensor.",
    ),
    "do_leds": (
        "{name}={value} {unit}（{low}–{high}）：发光管不亮或电流不对，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): a light is dead or has the wrong current; "
        "replace the sensor.",
    ),
    "do_age": (
        "{name}={value} {unit}（至少 {low}）：放回老化架，到时间再取。",
        "{name} = {value} {unit} (at least {low}): put it back on the rack for the rest of it.",
    ),
    "do_crosstalk": (
        "{name}={value} {unit}（{low}–{high}）：机壳内漏光，检查遮光圈和窗口，送维修。",
        "{name} = {value} {unit} ({low} to {high}): light leaks inside the case; check the gasket "
        "and the window, and send it to repair.",
    ),
    "do_sound": (
        "{name}={value} {unit}（{low}–{high}）：蜂鸣片没响或音调不对，检查焊点。",
        "{name} = {value} {unit} ({low} to {high}): the sounder is mute or off its pitch; check "
        "its joints.",
    ),
    "do_optics": (
        "{name}={value} {unit}（{low}–{high}）：清洁窗口和灰板，换槽位重测。",
        "{name} = {value} {unit} ({low} to {high}): clean the window and the target, and test it "
        "in another slot.",
    ),
    "do_clock": (
        "{name}={value} {unit}（{low}–{high}）：传感器或模块的时钟不准，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): a clock is off; replace the sensor.",
    ),
    "do_noise": (
        "{name}={value} {unit}（{low}–{high}）：信号噪声大，检查传感器供电电容，送维修。",
        "{name} = {value} {unit} ({low} to {high}): the signal is noisy; check the capacitors at "
        "the sensor, and send it to repair.",
    ),
    "do_ambient": (
        "{name}={value} {unit}（{low}–{high}）：槽位漏光，盖好盖子，检查密封后重测。",
        "{name} = {value} {unit} ({low} to {high}): light leaks into the slot; close the lid, "
        "look at its seal, and test again.",
    ),
    "do_swapped": (
        "{name}={value} {unit}（{low}–{high}）：红光和红外光管装反，换传感器。",
        "{name} = {value} {unit} ({low} to {high}): red and infrared are exchanged; replace the "
        "sensor.",
    ),
    "do_ratio": (
        "{name}={value} {unit}（{low}–{high}）：比值不准，换槽位重测，仍不合格送工程师。",
        "{name} = {value} {unit} ({low} to {high}): the ratio is wrong; test it in another slot, "
        "and if it stays so, give it to the engineer.",
    ),
    "do_display": (
        "{name}={value} {unit}（{low}–{high}）：显示屏不亮或不对，检查排线，送维修。",
        "{name} = {value} {unit} ({low} to {high}): the display is dark or wrong; check its "
        "cable, and send it to repair.",
    ),
    "do_button": (
        "{name}={value} {unit}（{low}–{high}）：按键没有反应，检查按键焊点和按键帽。",
        "{name} = {value} {unit} ({low} to {high}): the button does nothing; check its joints and "
        "its cap.",
    ),
    "do_battery": (
        "{name}={value} {unit}（{low}–{high}）：电池电压读数不准，检查分压电阻。",
        "{name} = {value} {unit} ({low} to {high}): it reads its cells wrongly; check the divider "
        "of the battery.",
    ),
    "do_sleep": (
        "{name}={value} {unit}（{low}–{high}）：休眠时耗电不对，检查漏电和 EN，送维修。",
        "{name} = {value} {unit} ({low} to {high}): asleep it draws the wrong current; look for a "
        "leak, and send it to repair.",
    ),
    "do_label": (
        "{name}={value} {unit}（{low}–{high}）：标签读不出，撕掉，重打一张。",
        "{name} = {value} {unit} ({low} to {high}): the label cannot be read; take it off and "
        "print another.",
    ),
    # What ends a test without a limit.
    "unit_pulled": (
        "测试中被取出：放好，再测一次。",
        "It was taken out during the test: put it in again and repeat the test.",
    ),
    "unit_silent": (
        "没有回应（{error}）：检查 USB 触点，重测；仍没有回应则送维修。",
        "It does not answer ({error}): check the USB contacts and test again; if it stays silent, "
        "send it to repair.",
    ),
    "samples_lost": (
        "采样丢失，无法判定：关闭电脑上其他程序，重测；反复出现则交给工程师。",
        "Samples were lost and nothing can be judged: close other programs on this computer and "
        "test again; if it comes back, give it to the engineer.",
    ),
    "jig": (
        "夹具没有回应（{error}）：检查夹具电源和连线，不要判定产品。",
        "The jig does not answer ({error}): check its power and cables; this says nothing about "
        "the unit.",
    ),
    "store": (
        "记录无法保存（{error}）：此机不算测过，报告工程师，排除后重测。",
        "The record cannot be kept ({error}): the unit does not count as tested; tell the "
        "engineer, and test it again afterwards.",
    ),
    # Why a unit may not enter a stage.
    "route_unknown": (
        "本站不认识此机（{mac}）：先做 PCBA 测试，或连接工厂数据库。",
        "No unit with this chip ({mac}) is known here: it begins with the stage pcba, or its "
        "records are elsewhere; name the plant with --plant.",
    ),
    "route_skipped": (
        "缺少 {stage} 工序：先去做 {stage}。",
        "It has skipped the stage {stage}: take it there first.",
    ),
    "route_failed": (
        "{stage} 工序没有合格：回到 {stage}。",
        "It has not passed the stage {stage}: take it back there.",
    ),
    "route_young": (
        "只老化了 {hours} 小时，至少要 {least} 小时：放回老化架。",
        "It has aged for {hours} h and needs {least}: put it back on the rack.",
    ),
    "route_passed": (
        "{stage} 工序已经合格：送下一工序；若芯片重复，隔离并报告工程师。",
        "It has passed the stage {stage} already: take it to the next; if another unit bears the "
        "same chip number, set both aside and tell the engineer.",
    ),
    "route_exhausted": (
        "{stage} 工序已不合格 {times} 次：送维修或报废，不再重测。",
        "It has failed the stage {stage} {times} times: rework it or scrap it, no more retests.",
    ),
    "route_scrapped": (
        "此机已报废：隔离，不得使用。",
        "It was scrapped: keep it apart, it must not be used.",
    ),
    "route_elsewhere": (
        "同一台机（{serial}）正在另一槽位测试：芯片号重复，两台都隔离，报告工程师。",
        "The same unit ({serial}) is being tested in another slot: two chips bear one number; set "
        "both aside and tell the engineer.",
    ),
    "slot_doubtful": (
        "槽位 {slot} 连续两台在同一项不合格（{phase}）：清洁或检查夹具，用标准机核对后再用。",
        "Slot {slot} has failed two units in a row in the same phase ({phase}): clean it, check "
        "its targets with the golden unit, and only then use it again.",
    ),
    # What is asked of hands, where there is no jig.
    "hand_ready": (
        "放好 {slots}，按回车开始；输入 q 结束。",
        "Put in {slots} and press Enter; q ends.",
    ),
    "hand_dark": (
        "{slots}：盖上黑色遮光罩，回车。",
        "{slots}: cover the window with the black trap; Enter.",
    ),
    "hand_grey": ("{slots}：放上灰板，回车。", "{slots}: put the grey target on; Enter."),
    "hand_infrared": (
        "{slots}：放上红外板，回车。",
        "{slots}: put the infrared target on; Enter.",
    ),
    "hand_modulated": (
        "{slots}：放上调制板，回车。",
        "{slots}: put the modulated target on; Enter.",
    ),
    "hand_ratio": ("{slot}：调制板上写的比值？", "{slot}: which ratio is written on the target?"),
    "hand_rail": ("{slot}：{net} 的电压（mV）？", "{slot}: how many mV has {net}?"),
    "hand_supply": (
        "{slot}：把电源调到 {mv} mV，回车。",
        "{slot}: set the supply to {mv} mV; Enter.",
    ),
    "hand_current": ("{slot}：电源电流（µA）？", "{slot}: how many uA does the supply give?"),
    "hand_cable_in": ("{slot}：插上 USB 线，回车。", "{slot}: plug the USB cable in; Enter."),
    "hand_cable_out": ("{slot}：拔下 USB 线，回车。", "{slot}: pull the USB cable; Enter."),
    "hand_press": (
        "{slot}：短按一次按键（{seconds} 秒），回车。",
        "{slot}: press the button for {seconds} s; Enter.",
    ),
    "hand_tone": (
        "{slot}：听到的音调（Hz），没有则 0？",
        "{slot}: which tone in Hz did it give, 0 for none?",
    ),
    "hand_dots": (
        "{slot}：显示正常输入 1000，全黑输入 0。",
        "{slot}: 1000 if the display shows its picture, 0 if it is dark.",
    ),
    "hand_scan": ("{slot}：扫描刚贴的标签。", "{slot}: scan the label that was just put on."),
    # Questions and results.
    "overwrite?": (
        "槽位 {slot} 已是 {serial}（批号 {lot}）。覆盖它？",
        "Slot {slot} is {serial} of lot {lot} already. Overwrite it?",
    ),
    "label?": (
        "{serial} 的标签第 {copy} 份打印出来了吗？",
        "Did copy {copy} of the label of {serial} come out of the printer?",
    ),
    "unsettled": (
        "不知道 {serial} 的标签第 {copy} 份是否已打印：请加 --settle printed 或 spoilt。",
        "Whether copy {copy} of the label of {serial} came out is not known: say --settle printed "
        "or spoilt.",
    ),
    "copy": ("第 {copy} 份", "copy {copy}"),
    "sample": (
        "缺少 {missing}：标签为样品，不带 UDI。",
        "Without {missing} the labels are those of samples, and carry no UDI.",
    ),
    "nobody": (
        "此机没有身份记录：请用 xueyang flash 写入。",
        "This unit does not say who it is: flash it with xueyang flash.",
    ),
    "signed": (
        "身份和校准由工站 {station} 签名，属实。",
        "Its identity and calibration were signed by station {station}, for this chip.",
    ),
    "unsigned": (
        "身份和校准没有已知工站的签名：不可信，报告工程师。",
        "No station that is known here signed its identity and calibration: do not trust them, "
        "and tell the engineer.",
    ),
    "other_chip": (
        "记录属于另一个芯片，本机 MAC 为 {mac}：不可信，报告工程师。",
        "What is recorded is of another chip than this, whose MAC is {mac}: do not trust it, and "
        "tell the engineer.",
    ),
    "passed": ("合格", "PASS"),
    "failed": ("不合格", "FAIL"),
    "left": ("跳过", "LEFT"),
    "error": ("出错", "ERROR"),
    "aborted": ("中断", "ABORTED"),
    "refused_unit": ("拒收", "REFUSED"),
    "locked": ("停用", "LOCKED"),
}


def say(key: str, **values: object) -> str:
    """A sentence in both languages: 中文 / English."""
    return " / ".join(text.format(**values) for text in SENTENCES[key])
