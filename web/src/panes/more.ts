/** Panes beyond those of the standard layout, in a file of their own. */
import "./delta";
import "./flow";
import "./imbalance";
import "./liquidations";
import "./liquidity";
import "./profile";
import "./venues";
